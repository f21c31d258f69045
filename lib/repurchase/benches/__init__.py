"""What a review can be asked, one module a subject; `review.retention`, then Tab."""

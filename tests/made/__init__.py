"""What several tests make by hand."""

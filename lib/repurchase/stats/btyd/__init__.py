"""Buy till you die: how often customers will buy again, and for how much, from their histories."""

"""Chat with Prem Studio, or any endpoint of the same contract, from a notebook."""

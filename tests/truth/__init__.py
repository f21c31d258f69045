"""Simulated companies whose truth is known: do the printed intervals cover it?"""

"""The training loop and its recipes.

Recipes change the loss, the inputs, the parameters or the data, never the loop.
"""

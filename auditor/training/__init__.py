"""One training loop; recipes change the loss, the inputs, the parameters or the data, never the loop."""

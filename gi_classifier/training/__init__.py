"""All that needs TensorFlow: the Keras model, training, exporting."""

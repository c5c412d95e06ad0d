"""From probabilities to answers: thresholds, abstention, priors, novelty."""

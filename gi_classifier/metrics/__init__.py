"""From arrays to numbers: measures, calibration, intervals, baselines."""

"""What both protocols answer from: models, versions, signatures, batches and metrics."""

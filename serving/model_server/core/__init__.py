"""The core that both protocols share: models, versions, signatures, batches and metrics."""

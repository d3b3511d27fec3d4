"""Quality measures as their papers define them: distances, precision and recall, errors, intervals."""

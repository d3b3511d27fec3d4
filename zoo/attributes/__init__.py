"""What a catalogue says of its products: names, values, their ids and their loss."""

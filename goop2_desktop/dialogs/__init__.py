"""The questions that the app asks: each says what comes of it and names its buttons by the verb."""

"""What policies mean for the services that AWS has: resources reached, principals let in, actions granted."""

"""Networks, built of parts: an encoder, skips, a decoder, a head."""

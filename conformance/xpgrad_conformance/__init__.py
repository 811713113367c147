"""The conformance program: can this array library carry gradients? It uses xpgrad's public interface alone."""

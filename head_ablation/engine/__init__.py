"""A model at work: loading, ablation, prefill, KV cache, decoding."""

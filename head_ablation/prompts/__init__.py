"""From ground truth to token ids: corpora, passages, samples, matchers, tokenizer, builders."""

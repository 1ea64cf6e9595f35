"""The planted model: a small Llama whose heads are written by hand, so that what each one does is known.

`texts` says what it reads, `options` what can be chosen, `roles` which head does what, `weights` how, `saturation`
whether attention is as sharp as the construction needs, and `prediction` what the model answers, by the roles alone.
"""

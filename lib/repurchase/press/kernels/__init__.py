"""Kernels that start in a moment: each is forked from one warm process that has imported all.

    server.py       the warm process: imports, then forks a kernel for each request
    warm.py         starts that process and speaks with it
    provisioner.py  what Jupyter calls (entry point `jupyter_client.kernel_provisioners`)

Whoever starts the first kernel (the press, JupyterLab, nbval) owns a warm process of its own; it
ends with its owner, and its kernels with it. Where fork is not safe, or the warm process cannot
help, the provisioner starts an ordinary kernel.
"""

NAME = "repurchase-forked"

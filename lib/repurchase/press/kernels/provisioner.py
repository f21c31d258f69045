"""What Jupyter asks for a kernel: a forked one where that is possible, else an ordinary one."""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from repurchase.press.kernels import NAME, warm

# what an ordinary kernel has mapped before the first cell runs; a forked one is asked, and will
# map stacks and heaps for the threads that it then starts
BASE_BYTES = 4 << 30
SLACK_BYTES = 1 << 29


@dataclass
class Launch:
    """How the kernel of one chapter is started, and the kernel once it is."""

    env: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    started: Callable[[], None] | None = None
    provisioner: ForkedProvisioner | None = None

    @property
    def exit_code(self) -> int | None:
        """The exit status of the kernel's process; None if it has none (yet)."""
        return self.provisioner.exit_code if self.provisioner else None

    def end(self) -> None:
        """Kills the kernel and what it has started."""
        process = self.provisioner.process if self.provisioner else None
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError, AttributeError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()


_launch: contextvars.ContextVar[Launch | None] = contextvars.ContextVar("launch", default=None)


@contextlib.contextmanager
def launching(launch: Launch) -> Iterator[Launch]:
    """Kernels that this thread starts meanwhile get that environment and limit."""
    token = _launch.set(launch)
    try:
        yield launch
    finally:
        _launch.reset(token)


def register() -> None:
    """Makes all kernels that this process starts ours, installed as an entry point or not."""
    factory = KernelProvisionerFactory.instance()
    factory.default_provisioner_name = NAME
    value = f"{__name__}:{ForkedProvisioner.__name__}"
    factory.provisioners.setdefault(
        NAME, EntryPoint(NAME, value, KernelProvisionerFactory.GROUP_NAME)
    )


class ForkedProvisioner(LocalProvisioner):
    """Kernels of this interpreter are forked from the warm process, all others are launched."""

    exit_code: int | None = None
    forked = False
    process: Any = None  # a subprocess.Popen or a warm.ForkedKernel

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """A running kernel, forked if it can be."""
        launch = _launch.get()
        env = dict(kwargs.pop("env", None) or os.environ)
        if launch:
            env |= launch.env
            launch.provisioner = self
        arguments = kernel_arguments(cmd)
        info = None
        if arguments is not None:
            info = self._forked(arguments, env, str(kwargs.get("cwd") or os.getcwd()))
        if info is None:
            info = await super().launch_kernel(cmd, env=env, **kwargs)
        if launch and launch.memory:
            base = _mapped(self.process.pid) + SLACK_BYTES if self.forked else BASE_BYTES
            limit_memory(self.process.pid, launch.memory, base=base)
        if launch and launch.started:
            launch.started()
        return info

    def _forked(self, arguments: list[str], env: dict[str, str], cwd: str) -> Any:
        env["JPY_PARENT_PID"] = str(os.getpid())
        try:
            self.process = warm.fork(["ipykernel_launcher", *arguments], env=env, cwd=cwd)
        except warm.Unavailable as error:
            self.log.debug("an ordinary kernel: %s", error)
            return None
        self.forked = True
        # it is its own session's leader in a moment; until then this fails and the process is used
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info

    async def poll(self) -> int | None:
        """The exit status, which outlives the process."""
        code = await super().poll()
        if self.process and code is not None:
            self.exit_code = code
        return code


def kernel_arguments(cmd: list[str]) -> list[str] | None:
    """What follows `python -m ipykernel_launcher` of this interpreter; None for other kernels."""
    words = [word for word in cmd[1:] if not word.startswith("-X")]
    if cmd[0] != sys.executable or words[:2] != ["-m", "ipykernel_launcher"]:
        return None
    return words[2:]


def _mapped(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm") as handle:
        return int(handle.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return BASE_BYTES


def limit_memory(pid: int, memory: int, *, base: int) -> None:
    """Lets a process map that much beyond its base; then it meets MemoryError, not the system's
    out-of-memory killer. Without effect where the system cannot limit another process."""
    import resource

    if hasattr(resource, "prlimit"):
        limit = base + memory
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))

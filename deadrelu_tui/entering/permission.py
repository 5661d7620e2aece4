"""Why the kernel does not let one process enter another, and what to do."""

from __future__ import annotations

from pathlib import Path

from deadrelu_tui.entering import proc
from deadrelu_tui.errors import InputError

_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
_SYS_PTRACE = 19
_WHO = {
    1: "only a parent may enter a process: `sudo sysctl kernel.yama.ptrace_scope=0`, or join as root",
    2: "only root may enter a process: `sudo sysctl kernel.yama.ptrace_scope=0`, or join as root",
    3: "nobody may enter a process until this machine is started anew without it",
}


def denied(pid: int) -> InputError:
    """Return what is told when the kernel says that something is not permitted."""
    return InputError(f"process {pid} may not be joined: {_why(pid)}")


def _why(pid: int) -> str:
    try:
        its, own = proc.status(pid), proc.status("self")
    except OSError:
        return "it has ended"
    if int(its.get("TracerPid", "0")):
        return f"process {its['TracerPid']} traces it already (a debugger, strace?); end that first"
    if its.get("State", "").startswith(("Z", "X")):
        return "it has ended, or its main thread has"
    privileged = bool(int(own.get("CapEff", "0"), 16) >> _SYS_PTRACE & 1)
    scope = _scope()
    if scope == 3 or (scope in _WHO and not privileged):
        return f"kernel.yama.ptrace_scope is {scope}, so {_WHO[scope]}"
    if int(own.get("Seccomp", "0")):
        return "a filter of this container forbids ptrace; start the container with --cap-add=SYS_PTRACE"
    if not privileged:
        if its.get("CapPrm", "0") != own.get("CapPrm", "0") or its.get("Gid") != own.get("Gid"):
            return "it has rights or a group that we lack; join as root (in a container: --cap-add=SYS_PTRACE)"
        return "it lets nobody look into it (prctl PR_SET_DUMPABLE), or a container lacks SYS_PTRACE; join as root"
    return "a security module of this machine forbids it"


def _scope() -> int:
    try:
        return int(_SCOPE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0

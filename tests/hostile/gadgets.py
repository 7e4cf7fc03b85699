"""Hostile files that name or misuse code."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import pickles as p


@dataclass(frozen=True)
class Gadget:
    """One way to run code from a pickle.

    Attributes:
        finding: the line of the error's context that must name it.
        pickle: makes the stream, given a shell command and a Python statement that create the canary.
        fires: whether an ordinary unpickler runs it.
    """

    mechanism: str
    finding: str
    pickle: Callable[[str, str], bytes]
    fires: bool = True

    def write(self, path: Path, canary: Path) -> None:
        p.write(path, self.pickle(f"touch '{canary}'", f"open({str(canary)!r}, 'w').close()"))


def _call(module: str, attribute: str, *arguments: bytes) -> bytes:
    return p.checkpoint(p.call(p.name(module, attribute), *arguments))


def _popen(how: bytes) -> Callable[[str, str], bytes]:
    """subprocess.Popen, built without a call."""

    def pickle(command: str, _: str) -> bytes:
        words = p.EMPTY_LIST + p.MARK + p.text("sh") + p.text("-c") + p.text(command) + b"e"
        if how == b"\x92":
            return p.checkpoint(p.name("subprocess", "Popen") + p.tuple_of(words) + p.EMPTY_DICT + how)
        return p.checkpoint(p.name("subprocess", "Popen") + p.tuple_of(words) + how)

    return pickle


def _through_memo(command: str, _: str) -> bytes:
    """The name is put into the memo under a harmless entry's number, dropped, and fetched later."""
    hidden = p.text("harmless") + b"q\x07" + p.POP + p.name("posix", "system") + b"q\x07" + p.POP
    return p.checkpoint(hidden + b"h\x07" + p.tuple_of(p.text(command)) + p.REDUCE)


def _timeit(_: str, statement: str) -> bytes:
    """As the set-up, which runs once."""
    return _call("timeit", "timeit", p.text("pass"), p.text(statement))


def _built_strings(command: str, _: str) -> bytes:
    strings = p.text("system") + p.MEMOIZE + p.text("posix") + p.MEMOIZE + p.POP + p.POP
    return p.checkpoint(strings + b"h\x01h\x00" + p.STACK_GLOBAL + p.tuple_of(p.text(command)) + p.REDUCE)


def _nested(command: str, _: str) -> bytes:
    inner = p.PROTO2 + p.call(p.name("posix", "system"), p.text(command)) + p.STOP
    return _call("_pickle", "loads", p.data(inner))


def _bdb(_: str, statement: str) -> bytes:
    method = p.PROTO4 + p.built_name("bdb", "Bdb.run")
    return p.checkpoint(method + p.tuple_of(p.call(p.name("bdb", "Bdb")), p.text(statement)) + p.REDUCE)


def _getattr_on_module(command: str, _: str) -> bytes:
    module = p.call(p.name("importlib", "import_module"), p.text("os"))
    system = p.call(p.name("builtins", "getattr"), module, p.text("system"))
    return p.checkpoint(system + p.tuple_of(p.text(command)) + p.REDUCE)


def _getattr_chain(command: str, _: str) -> bytes:
    """Expected names only: a model's method, then its globals."""
    method = p.call(
        p.name("builtins", "getattr"), p.name("ultralytics.nn.tasks", "BaseModel"), p.text("forward")
    )
    found = p.call(p.name("builtins", "getattr"), method, p.text("__globals__"))
    return p.checkpoint(found)


def _setstate(command: str, _: str) -> bytes:
    """`functools.partial.__setstate__` makes a call of what is called next."""
    partial = p.name("functools", "partial") + p.tuple_of(p.name("builtins", "print")) + p.NEWOBJ
    state = p.tuple_of(p.name("posix", "system"), p.tuple_of(p.text(command)), p.EMPTY_DICT, p.NONE)
    return p.checkpoint(partial + state + p.BUILD + p.EMPTY_TUPLE + p.REDUCE)


def _evaluated_model(_: str, statement: str) -> bytes:
    config = p.dict_of(activation=p.text(f"exec({statement!r})"), backbone=p.EMPTY_LIST, head=p.EMPTY_LIST)
    return _call("ultralytics.nn.tasks", "DetectionModel", config)


def _evaluated_activation(_: str, statement: str) -> bytes:
    config = p.dict_of(yaml_file=p.text("yolo26n.yaml"), activation=p.text(f"exec({statement!r})"))
    return p.checkpoint(model=p.network(yaml=config))


def _hidden_activation(_: str, statement: str) -> bytes:
    """The key of the activation is a number type's scalar that equals the text."""
    scalar = p.call(
        p.name("numpy.core.multiarray", "scalar"),
        p.call(p.name("numpy", "dtype"), p.text("U10"), b"\x89", b"\x88"),
        p.data("activation".encode("utf-32-le")),
    )
    return p.checkpoint(scalar)


def _broken_after(command: str, _: str) -> bytes:
    return p.PROTO2 + p.call(p.name("posix", "system"), p.text(command)) + b"\xff\xff no operation"


def _set_on_a_class(_: str, __: str) -> bytes:
    return p.checkpoint(
        p.name("ultralytics.nn.tasks", "DetectionModel") + p.dict_of(forward=p.NONE) + p.BUILD
    )


def _entries_on_a_class(_: str, __: str) -> bytes:
    return p.checkpoint(p.name("torch.nn.modules.conv", "Conv2d") + p.text("x") + p.NONE + b"s")


def _hash_bomb_in_a_set(_: str, __: str) -> bytes:
    """A tuple of two times itself, thirty levels deep: a set would hash 2^30 leaves."""
    bomb = p.tuple_of(p.number(1), p.number(2)) + b"".join(b"2\x86" for _ in range(30))
    return _call("builtins", "set", p.EMPTY_LIST + bomb + b"a")


def _named(module: str, attribute: str) -> Callable[[str, str], bytes]:
    return lambda command, _: _call(module, attribute, p.text(command))


def _names_only(module: str, attribute: str) -> Callable[[str, str], bytes]:
    """The name is built from strings, so that it may hold dots and line ends."""
    return lambda command, _: p.checkpoint(
        p.PROTO4 + p.built_name(module, attribute) + p.tuple_of(p.text(command)) + p.REDUCE
    )


def _statement(module: str, attribute: str, *rest: bytes) -> Callable[[str, str], bytes]:
    return lambda _, statement: _call(module, attribute, p.text(statement), *rest)


GADGETS: dict[str, Gadget] = {
    "os-system": Gadget("REDUCE of os.system", "os.system", _named("os", "system")),
    "posix-system": Gadget("REDUCE of posix.system", "posix.system", _named("posix", "system")),
    "builtins-exec": Gadget("REDUCE of builtins.exec", "builtins.exec", _statement("builtins", "exec")),
    "builtins-eval": Gadget("REDUCE of builtins.eval", "builtins.eval", _statement("builtins", "eval")),
    "python2-builtin": Gadget(
        "Python 2's name of a module", "__builtin__.eval", _statement("__builtin__", "eval")
    ),
    "built-strings": Gadget("STACK_GLOBAL with strings from the memo", "posix.system", _built_strings),
    "memo-swap": Gadget("a memo entry changes its meaning", "posix.system", _through_memo),
    "inst": Gadget(
        "INST",
        "posix.system",
        lambda command, _: p.checkpoint(p.MARK + p.text(command) + b"iposix\nsystem\n"),
    ),
    "obj": Gadget(
        "OBJ",
        "posix.system",
        lambda command, _: p.checkpoint(p.MARK + p.name("posix", "system") + p.text(command) + b"o"),
    ),
    "text-protocol": Gadget(
        "protocol 0, text only",
        "posix.system",
        lambda command, _: b"cposix\nsystem\n(S" + ascii(command).encode() + b"\ntR.",
    ),
    "newobj": Gadget("NEWOBJ of a callable class", "subprocess.Popen", _popen(p.REDUCE)),
    "newobj-without-init": Gadget(
        "NEWOBJ of a class that needs no call", "subprocess.Popen", _popen(p.NEWOBJ), fires=False
    ),
    "newobj-ex": Gadget("NEWOBJ_EX", "subprocess.Popen", _popen(b"\x92"), fires=False),
    "setstate": Gadget("BUILD runs __setstate__", "functools.partial", _setstate),
    "state-on-a-class": Gadget(
        "BUILD on an expected class",
        "state is set on ultralytics.nn.tasks.DetectionModel",
        _set_on_a_class,
        False,
    ),
    "entries-on-a-class": Gadget(
        "SETITEM on an expected class",
        "entries are set on torch.nn.modules.conv.Conv2d",
        _entries_on_a_class,
        False,
    ),
    "extension-code": Gadget(
        "EXT1 fetches from copyreg's registry",
        "extension code 7",
        lambda *_: p.checkpoint(b"\x82\x07"),
        False,
    ),
    "extension-code-wide": Gadget(
        "EXT4",
        "extension code 70000",
        lambda *_: p.checkpoint(b"\x84" + struct.pack("<i", 70000)),
        False,
    ),
    "nested-pickle": Gadget("a pickle in a buffer", "_pickle.loads", _nested),
    "broken-after-payload": Gadget("the stream breaks once the payload ran", "posix.system", _broken_after),
    "getattr-on-module": Gadget(
        "builtins.getattr on a module", "importlib.import_module", _getattr_on_module
    ),
    "getattr-chain": Gadget("getattr from method to globals", "builtins.getattr", _getattr_chain, False),
    "timeit": Gadget("timeit.timeit", "timeit.timeit", _timeit),
    "pydoc-pager": Gadget(
        "pydoc.pipepager",
        "pydoc.pipepager",
        lambda command, _: _call("pydoc", "pipepager", p.text(""), p.text(command)),
    ),
    "runpy": Gadget("runpy._run_code", "runpy._run_code", _statement("runpy", "_run_code", p.EMPTY_DICT)),
    "cprofile": Gadget(
        "cProfile.runctx", "cProfile.runctx", _statement("cProfile", "runctx", p.EMPTY_DICT, p.EMPTY_DICT)
    ),
    "bdb": Gadget("a dotted name reaches a method", "bdb.Bdb.run", _bdb),
    "codecs-rot13": Gadget(
        "_codecs.encode imports a codec",
        "_codecs.encode",
        lambda *_: _call("_codecs", "encode", p.text("x"), p.text("rot13")),
        False,
    ),
    "torch-load": Gadget("torch.load of another file", "torch.load", _named("torch", "load"), False),
    "torch-hub": Gadget("torch.hub.load", "torch.hub.load", _named("torch.hub", "load"), False),
    "torch-collect-env": Gadget(
        "torch.utils.collect_env.run",
        "torch.utils.collect_env.run",
        _named("torch.utils.collect_env", "run"),
        False,
    ),
    "dotted-lookalike": Gadget(
        "an expected module, a name that reaches through it",
        "ultralytics.nn.modules.block.torch.os.system",
        _names_only("ultralytics.nn.modules.block", "torch.os.system"),
        False,
    ),
    "dotted-module": Gadget(
        "a module below an expected one",
        "ultralytics.nn.modules.block.os.system",
        _names_only("ultralytics.nn.modules.block.os", "system"),
        False,
    ),
    "lower-case-lookalike": Gadget(
        "a module imported by an expected one",
        "torch.nn.modules.module.torch",
        _named("torch.nn.modules.module", "torch"),
        False,
    ),
    "line-end-lookalike": Gadget(
        "an expected name with a line end",
        "torch.nn.modules.conv.Conv2d\\n",
        _names_only("torch.nn.modules.conv", "Conv2d\n"),
        False,
    ),
    "letter-lookalike": Gadget(
        "a Cyrillic letter in an expected module",
        "ultralytics.nn.modules.bl\\u043eck.Conv",
        _names_only("ultralytics.nn.modules.bl\u043eck", "Conv"),
        False,
    ),
    "package-lookalike": Gadget(
        "a package that begins as an expected one",
        "torchvisions.transforms.transforms.Resize",
        _named("torchvisions.transforms.transforms", "Resize"),
        False,
    ),
    "model-call": Gadget(
        "calling a model class evaluates its config",
        "ultralytics.nn.tasks.DetectionModel is used as no checkpoint does",
        _evaluated_model,
        False,
    ),
    "activation": Gadget(
        "the network's YAML has code for training to evaluate", "exec(", _evaluated_activation, False
    ),
    "text-scalar": Gadget("a numpy scalar of text", "numpy.dtype is used", _hidden_activation, False),
    "hash-bomb-in-a-set": Gadget(
        "a set of tuples that take for ever to hash", "builtins.set", _hash_bomb_in_a_set, False
    ),
}

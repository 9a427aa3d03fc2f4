"""What fails in a celery job or around it: jobs for a service, messages, and what must be told of them."""

from .cases import Case

JOBS = """

import argparse
import asyncio
import sys

from celery.utils.log import get_task_logger


def cancel():
    async def main():
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0.1)
        task.cancel()
        await task

    asyncio.run(main())


def interrupt():
    raise KeyboardInterrupt


def fill_memory():
    raise MemoryError


def parse():
    argparse.ArgumentParser().parse_args(["--nope"])


ENDS = {"exit": sys.exit, "parse": parse, "cancel": cancel, "interrupt": interrupt, "memory": fill_memory}


@app.task(bind=True, max_retries=1, retry_backoff=1)
def end_with(self, what):
    tell(what, self.request.retries)
    ENDS[what]()


def break_in(hook, error):
    # A class whose hook raises the error that the job is given.
    def broken(self, *arguments):
        raise error("the hook is broken")

    return type("Broken", (app.Task,), {hook: broken})


def breaking(hook, error=ValueError):
    @app.task(name=f"{hook}-{error.__name__}", base=break_in(hook, error))
    def job(secret):
        tell("run")

    return job


before_start = breaking("before_start")
before_start_exits = breaking("before_start", SystemExit)
before_start_ignores = breaking("before_start", Ignore)
on_success = breaking("on_success")
on_success_exits = breaking("on_success", SystemExit)
after_return = breaking("after_return")


@app.task(base=break_in("on_failure", ValueError), max_retries=0)
def on_failure(secret):
    tell("run")
    raise RuntimeError("the job fails")


@app.task(base=break_in("on_retry", ValueError), max_retries=1, retry_backoff=1)
def on_retry(secret):
    tell("run")
    raise RuntimeError("the job fails")


@app.task
def postrun(secret):
    tell("run")


@task_postrun.connect(sender=postrun)
def break_postrun(**_):
    raise ValueError("the hook is broken")


@app.task
def count_down(number, outer=True):
    if number:
        count_down(number - 1, outer=False)
    if outer:
        tell("end")


@app.task
def log_with_celery(secret):
    get_task_logger(__name__).error("failed", exc_info=ValueError("celery's own logger"))


@app.task
def unserializable(secret):
    tell("run")
    return object()
"""

CASES = {
    **{
        f"ends-with-{end}": Case(
            f"end_with.s('{end}')", [[end, "0"], [end, "1"]], outcomes=("failed", "failed"), kept=1
        )
        for end in ("exit", "parse", "cancel", "interrupt", "memory")
    },
    "calls-itself": Case("count_down.s(8)", [["end"]]),
    "before-start": Case("before_start.s('xyzzy')", [], outcomes=("failed",), kept=1),
    "before-start-exits": Case("before_start_exits.s('xyzzy')", [], outcomes=("failed",), kept=1),
    "before-start-ignores": Case("before_start_ignores.s('xyzzy')", [], outcomes=("ignored",)),
}
# Jobs whose hooks fail, or what follows them, and a word of the exception that the log must show.
FAILING_AROUND = {
    **{
        f"{name}": (f"{name}.s('xyzzy')", "the hook is broken")
        for name in (
            *("before_start", "before_start_exits", "on_success", "on_success_exits"),
            *("after_return", "on_failure", "on_retry", "postrun"),
        )
    },
    "get-task-logger": ("log_with_celery.s('xyzzy')", "celery's own logger"),
    "chain-unserializable": ("chain(unserializable.s('xyzzy'), tell.s())", "serializ"),
}

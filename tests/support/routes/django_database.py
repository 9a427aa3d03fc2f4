"""What the tests add to a service in Django that has a database."""

DATABASE_ROUTES = '''

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import psycopg
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, transaction
from django.http import Http404

from .models import Note


def sql(request: HttpRequest) -> JsonResponse:
    """Take a connection for as long as one statement takes."""
    print("sql has begun")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(request.GET["seconds"])])
    return JsonResponse({})


@csrf_exempt
def slow_note(request: HttpRequest) -> JsonResponse:
    """Write, and commit later."""
    note = Note.objects.create(text="slow", words=1)
    print("slow-notes has begun")
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({"id": note.id}, status=201)


@csrf_exempt
def child(request: HttpRequest) -> JsonResponse:
    """Write what a deferred constraint forbids, which only the COMMIT tells."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO children VALUES (1)")
    return JsonResponse({}, status=201)


@csrf_exempt
def doomed(request: HttpRequest) -> JsonResponse:
    """Fail, on a connection that has just been lost: nor can it be rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    raise RuntimeError("this went wrong too")


def background(request: HttpRequest) -> JsonResponse:
    """Let a thread of its own query in a transaction that nobody ends, on a connection that nobody closes."""

    def query() -> None:
        transaction.atomic().__enter__()
        Note.objects.count()

    thread = threading.Thread(target=query if "open" in request.GET else lambda: Note.objects.count())
    thread.start()
    thread.join()
    return JsonResponse({})


POOL = ThreadPoolExecutor(8)


def executor(request: HttpRequest) -> JsonResponse:
    """Let threads query that live on, and some that end."""
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: Note.objects.count(), range(16)))
    counts += POOL.map(lambda _: (time.sleep(0.1), Note.objects.count())[1], range(8))
    return JsonResponse({"counts": counts})


def quits(request: HttpRequest) -> None:
    """Query, and then end the thread that serves, as far as it is concerned."""
    Note.objects.count()
    time.sleep(0.5)
    sys.exit(1)


def own_backend(number: int) -> int:
    """Say what serves this process, if it gets its own answers."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int, pg_backend_pid()", [number])
            [(echo, pid)] = cursor.fetchall()
        assert echo == number, (echo, number)
    return pid


def forked(request: HttpRequest) -> JsonResponse:
    """Say what serves this process, its forks, and this process again."""
    pids = [own_backend(0)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        pids += pool.map(own_backend, [1, 2])
    return JsonResponse([*pids, own_backend(0)], safe=False)


def idle(request: HttpRequest) -> JsonResponse:
    """Take long, and query nothing."""
    print("idle has begun")
    time.sleep(float(request.GET["seconds"]))
    return JsonResponse({})


@transaction.non_atomic_requests
async def awaiting(request: HttpRequest) -> JsonResponse:
    """Write without blocking, in no transaction of the request."""
    note = await Note.objects.acreate(text="awaited", words=1)
    return JsonResponse({"id": note.id})


async def atomic(request: HttpRequest) -> JsonResponse:
    """Ask for what Django lacks: a transaction around a coroutine."""
    return JsonResponse({})


def forgetful(request: HttpRequest) -> None:
    """Write, and answer nothing."""
    Note.objects.create(text="forgotten", words=1)


def backend(request: HttpRequest) -> JsonResponse:
    """Say what serves the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_setting('statement_timeout')")
        [found] = cursor.fetchall()
    return JsonResponse({"pid": found[0], "statement_timeout": found[1]})


@csrf_exempt
def swallow(request: HttpRequest, how: str) -> JsonResponse:
    """Write, break a constraint, and go on as if nothing had been."""
    note = Note.objects.create(text="first", words=1)
    try:
        if how in ("sql", "refused"):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO notes (id, text) VALUES (%s, 'second')", [note.id])
        elif how == "savepoint":
            with transaction.atomic():
                Note.objects.create(id=note.id, text="second", words=1)
        elif how == "merged":
            with transaction.atomic(savepoint=False):
                Note.objects.create(id=note.id, text="second", words=1)
        elif how == "model":
            Note.objects.create(id=note.id, text="second", words=1)
        elif how == "flag":
            transaction.set_rollback(True)
    except IntegrityError:
        pass
    return JsonResponse({}, status=409 if how == "refused" else 201)


def confined(how: str) -> int:
    """Do the same in a block of one's own, and answer with what it claims to have written."""
    with transaction.atomic():
        note = Note.objects.create(text="first", words=1)
        try:
            if how == "error":
                with transaction.atomic(savepoint=False):
                    raise RuntimeError
            elif how == "flag":
                transaction.set_rollback(True)
            elif how == "sql":
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO notes (id, text) VALUES (%s, 'second')", [note.id])
            else:
                Note.objects.create(id=note.id, text="second", words=1)
        except (IntegrityError, RuntimeError):
            pass
    return note.id


@csrf_exempt
def inner(request: HttpRequest, how: str) -> JsonResponse:
    return JsonResponse({"id": confined(how)}, status=201)


@csrf_exempt
@transaction.non_atomic_requests
def own(request: HttpRequest, how: str) -> JsonResponse:
    return JsonResponse({"id": confined(how)}, status=201)


@csrf_exempt
@transaction.non_atomic_requests
def manual(request: HttpRequest, how: str) -> JsonResponse:
    """Commit by hand."""
    transaction.set_autocommit(False)
    try:
        note = Note.objects.create(text="first", words=1)
        try:
            Note.objects.create(id=note.id, text="second", words=1)
        except IntegrityError:
            pass
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    return JsonResponse({}, status=201)


@csrf_exempt
@transaction.non_atomic_requests
async def unblocked(request: HttpRequest, how: str) -> JsonResponse:
    return JsonResponse({"id": await sync_to_async(confined)(how)}, status=201)


@csrf_exempt
@transaction.non_atomic_requests
def threaded(request: HttpRequest, how: str) -> JsonResponse:
    with ThreadPoolExecutor(1) as pool:
        return JsonResponse({"id": pool.submit(confined, how).result()}, status=201)


@csrf_exempt
def refused(request: HttpRequest, how: str) -> JsonResponse:
    """Write, and refuse."""
    Note.objects.create(text=how, words=1)
    if how == "raised":
        raise Http404
    return JsonResponse({}, status=404)


@csrf_exempt
def nested(request: HttpRequest) -> JsonResponse:
    """Use each thing that `atomic` has, before the first query of the request."""
    assert not connection.get_autocommit()
    transaction.on_commit(lambda: print("the hook has run"))
    with transaction.atomic(savepoint=False):
        Note.objects.select_for_update().filter(id=0).first()
    try:
        with transaction.atomic(durable=True):
            pass
    except RuntimeError:
        Note.objects.create(text="nested", words=1)
    return JsonResponse({}, status=201)


urlpatterns += [
    path("background", background),
    path("executor", executor),
    path("quits", quits),
    path("forked", forked),
    path("idle", idle),
    path("awaiting", awaiting),
    path("atomic", atomic),
    path("forgetful", forgetful),
    path("backend", backend),
    path("swallow/<how>", swallow),
    path("inner/<how>", inner),
    path("own/<how>", own),
    path("manual/<how>", manual),
    path("unblocked/<how>", unblocked),
    path("threaded/<how>", threaded),
    path("refused/<how>", refused),
    path("nested", nested),
    path("sql", sql),
    path("slow-notes", slow_note),
    path("children", child),
    path("doomed", doomed),
]
'''

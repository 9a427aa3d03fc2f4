"""Code that a user adds to a Django service, as the documentation of Django and pytest-django shows it."""

SETTINGS = {
    # In the same way as the database that the service was generated with.
    "emitted": """
import os

DATABASES["reports"] = configuration(SecretStr(os.environ["REPORTS_URL"]))
DATABASE_ROUTERS = ["{package}.routers.Reports"]
""",
    # In the way of Django's documentation.
    "django": """
import os
from urllib.parse import urlsplit

_place = urlsplit(os.environ["REPORTS_URL"])
DATABASES["reports"] = {{
    "ENGINE": "django.db.backends.postgresql",
    "NAME": _place.path[1:],
    "USER": _place.username,
    "HOST": _place.hostname,
    "PORT": _place.port,
    "ATOMIC_REQUESTS": True,
}}
DATABASE_ROUTERS = ["{package}.routers.Reports"]
""",
}

# Code to append to files of the package.
APPENDED = {
    "models.py": """

class Report(models.Model):
    text = models.TextField()

    class Meta:
        db_table = "reports"
""",
    "urls.py": """
from django.http import Http404, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .models import Note, Report


@csrf_exempt
def report(request, status):
    Note.objects.create(text="noted")
    Report.objects.create(text="reported")
    if status == 404:
        raise Http404
    counts = [Note.objects.count(), Report.objects.count()]
    return JsonResponse(counts, safe=False, status=status)


urlpatterns.append(path("report/<int:status>", report))
""",
}

# The changes that README.md recommends to tests/conftest.py for pytest-django.
UNBLOCKED = (
    ("def services(settings: Settings)", "def services(settings: Settings, django_db_blocker)"),
    ("    services.open()\n", "    django_db_blocker.unblock()\n    services.open()\n"),
    ("    services.close()\n", "    services.close()\n    django_db_blocker.restore()\n"),
)

# Files to add, by their path in the project.
ADDED = {
    "{package}/routers.py": """
class Reports:
    def db_for_read(self, model, **hints):
        return "reports" if model.__name__ == "Report" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return (db == "reports") == (model_name == "report")
""",
    "{package}/tests.py": """
from django.db import connections
from django.test import TestCase, TransactionTestCase

from .models import Note, Report


class Both:
    databases = {{"default", "reports"}}

    def test_each_has_its_own(self):
        for alias in self.databases:
            assert connections[alias].settings_dict["NAME"].startswith("test_test_"), alias
        answer = self.client.post("/report/201")
        assert (answer.status_code, answer.json()) == (201, [1, 1])
        assert Note.objects.using("default").count() == Report.objects.using("reports").count() == 1

    def test_nothing_is_left(self):
        assert not Note.objects.exists() and not Report.objects.exists()


class RolledBack(Both, TestCase):
    pass


class Flushed(Both, TransactionTestCase):
    pass
""",
    "tests/test_pytest_django.py": """
import pytest
from django.db import connections
from django.test import Client
from {package}.models import Note, Report

BOTH = ["default", "reports"]


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(databases=BOTH)
def test_rolled_back(turn):
    assert Client().post("/report/201").json() == [1, 1]
    assert all(connections[alias].in_atomic_block for alias in BOTH)


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True, databases=BOTH)
def test_flushed(turn):
    assert Client().post("/report/201").json() == [1, 1]
    for alias in BOTH:
        assert not connections[alias].in_atomic_block
        assert connections[alias].settings_dict["NAME"].startswith("test_test_")


def test_a_test_of_the_emitted_kind(client):
    client.post("/notes", json={{"text": "one"}}).raise_for_status()


@pytest.mark.django_db(databases=BOTH)
def test_rolled_back_after_it():
    assert Client().post("/report/201").json() == [1, 1]
    assert connections["default"].settings_dict["NAME"].startswith("test_test_")


def test_it_may_not_touch_a_database():
    with pytest.raises(RuntimeError, match="not allowed"):
        Note.objects.count()
""",
    "{package}/management/commands/totals.py": """
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connections
from {package}.models import Note, Report


class Command(BaseCommand):
    def handle(self, **options):
        for _ in range(2):
            counts = [Note.objects.count(), Report.objects.count()]
            pids = [connections[alias].connection.info.backend_pid for alias in ("default", "reports")]
            self.stdout.write(" ".join(map(str, counts + pids)))
            self.stdout.flush()
            input()
            close_old_connections()
""",
}

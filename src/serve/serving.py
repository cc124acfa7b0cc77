"""What `serve.py` does: a model that stays, and judges pictures from a folder, over HTTP, or both."""

import contextlib
import threading
from pathlib import Path

from src.config import Options
from src.report.pictures import PictureFiles
from src.runtime.program import Interrupt
from src.serve.access import Access, address_of, listen
from src.serve.desk import Desk
from src.serve.journal import Journal
from src.serve.model_file import ModelFile
from src.serve.recent import Recent
from src.serve.telemetry import Telemetry
from src.serve.watch import Watch
from src.serve.web import Web
from src.serve.worker import Worker
from src.utils import UserError, log


def serve(options: Options) -> None:
    """Judge pictures until a signal asks to end; the picture in work is finished first.

    This thread alone judges, since MindSpore wants it so, and ONNX uses all cores for one picture.

    Raises:
        UserError: the options do not fit together, the model cannot be loaded, or a place cannot be used.
    """
    if options.http is None and options.watch is None:
        raise UserError("nothing to serve; give --watch IN --out OUT, --http HOST:PORT, or both")
    desk, telemetry, recent = Desk(), Telemetry(), Recent(options.keep)
    with contextlib.ExitStack() as stack:
        watch = _watch(options, desk, stack)
        bound = None if options.http is None else stack.enter_context(contextlib.closing(listen(options.http)))
        access = None if bound is None else Access.of(options, bound)
        worker = Worker(desk, ModelFile(options, telemetry), telemetry, recent)
        interrupt = stack.enter_context(Interrupt("ending after this picture"))
        looking = None if watch is None else threading.Thread(target=watch.run, name="watch", daemon=True)
        if looking is not None:
            looking.start()
            log.info("watching %s", options.watch)
        web = None
        if bound is not None:
            limit = round(options.max_request_mb * 1e6)
            web = Web(bound, access, desk, telemetry, limit, options.max_waiting, worker.health, worker.page)
            log.info("answering on %s", address_of(bound))
            web.start()
        while not interrupt.requested:
            worker.step()
            if (web is not None and not web.runs) or (looking is not None and not looking.is_alive()):
                raise RuntimeError("one of the threads has ended; the reason stands above")
        desk.close()
        if watch is not None:
            watch.stop()
        if web is not None:
            web.stop()
    log.info("ended; %d pictures judged", worker.judged)


def _watch(options: Options, desk: Desk, stack: contextlib.ExitStack) -> Watch | None:
    """What watches `--watch`; its results are open as long as `stack`.

    Raises:
        UserError: one of the two folders is not given, is missing, or lies in the other.
    """
    if options.watch is None and options.out is None:
        if options.save_imgs or options.save_maps:
            raise UserError("--save_imgs and --save_maps write to --out; give --watch and --out too")
        return None
    if options.watch is None or options.out is None:
        raise UserError("--watch and --out belong together; give both folders")
    folder, out = Path(options.watch).resolve(), Path(options.out).resolve()
    if not folder.is_dir():
        raise UserError(f"no folder {folder} to watch; check --watch")
    files = PictureFiles.of(options, out)
    if folder == out or folder in out.parents or (out in folder.parents and (files.drawn or files.maps)):
        raise UserError(f"--out {out} would put results among the pictures of --watch; give a folder apart")
    return Watch(folder, desk, stack.enter_context(Journal.opened(out)), files, options.settle)

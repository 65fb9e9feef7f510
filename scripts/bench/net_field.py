"""Who stands where in the bench of the network: server, tracepoints, homes of the product."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from scripts.bench import net_loads, net_tracer, stand
from scripts.bench.net_product import Product
from scripts.bench.net_space import Space, space
from tests import account as accounts


class Field(NamedTuple):
    """All that rounds need; `tracer` None: nobody tells true pids. Products: ours, and ordinary."""

    space: Space
    tracer: net_tracer.Tracer | None
    products: list[Product]
    folder: Path

    @property
    def ours(self) -> Product:
        """The product as whoever runs the bench."""
        return self.products[0]

    @property
    def ordinary(self) -> Product:
        """The product of the least privileged there is."""
        return self.products[-1]


@contextmanager
def field(who: list[accounts.Account | None], *, root: bool, settings: str = "") -> Iterator[Field]:
    """Make a server, a tracer where one may be, and a home for each of `who`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-net-")))
        folder.chmod(0o755)
        served = stack.enter_context(space())
        traced = net_tracer.tracer(folder) if net_tracer.usable() else nullcontext()
        products = []
        tracer = stack.enter_context(traced)
        for person in who:
            name = "ptywrap, root" if root and person is None else "ptywrap, ordinary"
            product = Product(stack.enter_context(stand.stand(person)), name, settings)
            net_loads.clients(product.work)
            product.give()
            product.warm()
            products.append(product)
        yield Field(served, tracer, products, folder)

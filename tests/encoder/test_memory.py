"""Loading takes about as much memory as the file has."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from emoclip_clinic.encoder import get_architecture, random_network

_MEASURE = """
import re, sys
from dataclasses import replace
import psutil
from emoclip_clinic.encoder import get_architecture, load_network
tiny = get_architecture("tiny")
wide = replace(tiny.temporal, heads=8, head_width=1024)
load_network(sys.argv[1], architecture=tiny).fold()  # imports, and what the first use allocates
start = psutil.Process().memory_info().rss
network = load_network(sys.argv[2], architecture=replace(tiny, embed_dim=256, temporal=wide))
with open("/proc/self/status") as stream:  # getrusage would count the parent's memory too
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", stream.read())[1])
loaded = psutil.Process().memory_info().rss
network.fold()
print(peak - start, loaded - psutil.Process().memory_info().rss)
network = load_network(sys.argv[3], architecture=replace(tiny, embed_dim=256, temporal=wide))
loaded = psutil.Process().memory_info().rss
network.fold()
print(loaded - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_peak_is_about_the_size_of_the_file(tmp_path: Path) -> None:
    tiny = get_architecture("tiny")
    wide = replace(tiny.temporal, heads=8, head_width=1024)
    medium = replace(tiny, embed_dim=256, temporal=wide)
    small_file, file, same_file = (tmp_path / name for name in ("tiny.pth", "medium.pth", "m.safetensors"))
    torch.save(random_network(tiny, seed=0).state_dict(), small_file)
    state = random_network(medium, seed=0).state_dict()
    torch.save(state, file)
    save_file({name: value.contiguous() for name, value in state.items()}, same_file)
    size = file.stat().st_size
    assert size > 60e6
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(small_file), str(file), str(same_file)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    peak, *given_back = (int(x) for x in done.stdout.split())
    assert 0.9 * size < peak < 1.25 * size  # a copy of the file would make it 2
    for memory in given_back:  # the unfolded heads, nearly all of each file, less what folding allocates
        assert memory > 0.3 * size

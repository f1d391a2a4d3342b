# SPDX-License-Identifier: BSD-2-Clause
"""An authoritative name server (NSD) with the zones of the test world."""

import os
import shutil
import signal

from .process import Child, udp_listens

NSD = shutil.which("nsd", path="/usr/sbin:/usr/bin")

CONFIGURATION = """\
server:
    ip-address: {address}@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    server-count: 1
    minimal-responses: no
    rrl-ratelimit: 0
remote-control:
    control-enable: no
"""


class NameServer:
    """`zones` maps a zone name to the text of its file."""

    def __init__(self, folder, address, port, zones):
        self.folder, self.address, self.port = str(folder), address, port
        os.makedirs(self.folder, exist_ok=True)
        text = CONFIGURATION.format(address=address, port=port, folder=self.folder)
        for zone, content in zones.items():
            file = f"{self.folder}/{zone.strip('.') or 'root'}.zone"
            with open(file, "w", encoding="utf-8") as out:
                out.write(content)
            text += f'zone:\n    name: "{zone}"\n    zonefile: "{file}"\n'
        # The manual of NSD 4.8 drops the database option; older ones would write a file.
        self.configuration = f"{self.folder}/nsd.conf"
        with open(self.configuration, "w", encoding="utf-8") as out:
            out.write(text)
        self.child = None

    def start(self):
        self.child = Child(
            [NSD, "-d", "-c", self.configuration], f"{self.folder}/nsd.log", cwd=self.folder
        )
        self.child.wait_ready(lambda: udp_listens(self.address, self.port), "NSD listening")

    def stop(self):
        """Questions are then refused by the kernel at once."""
        if self.child:
            self.child.stop()
            self.child = None

    def freeze(self):
        """Questions then find no answer at all."""
        os.killpg(self.child.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self.child.pid, signal.SIGCONT)

# SPDX-License-Identifier: BSD-2-Clause
"""Real servers on loopback for the end-to-end tests and the demo. One module, one server."""

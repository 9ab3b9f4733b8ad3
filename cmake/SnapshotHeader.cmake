# SPDX-License-Identifier: Apache-2.0
# Writes the SHA-256 of SNAPSHOT into HEADER.
file(SHA256 ${SNAPSHOT} hash)
file(WRITE ${HEADER}
  "/* Generated: the SHA-256 of vat-worker.snapshot of this build. */\n"
  "#define WORKER_SNAPSHOT_SHA256 \"${hash}\"\n")

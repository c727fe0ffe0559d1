"""What schemathesis does not know by itself."""

import schemathesis

# The bytes of a resumable upload (tus 1.0) are bytes like any others.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

"""`python -m leadline` is `leadline`."""

import sys

from leadline.cli.main import main

sys.exit(main())

# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._options import OptionError
from ..plugin_utils._scripts import look_up


class LookupModule(LookupBase):
    def run(self, terms: t.Sequence[object], variables: t.Any = None, **options: object) -> list[str]:
        try:
            return [look_up(self, name, variables, **options) for name in terms]
        except OptionError as error:
            raise AnsibleLookupError(str(error)) from None

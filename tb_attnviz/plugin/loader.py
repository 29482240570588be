"""The entry point that TensorBoard imports at its start: nothing heavy here, and nothing that can fail."""

import argparse
import logging

from tensorboard.plugins import base_plugin

logger = logging.getLogger(__name__)


class AttnVizLoader(base_plugin.TBLoader):  # type: ignore[misc]  # tensorboard has no types
    """Loads the plugin, or leaves TensorBoard without its tab if that fails."""

    def fix_flags(self, flags: argparse.Namespace) -> None:
        # TensorBoard keeps 10 tensors a tag unless told otherwise; a timeline needs every checkpoint (0: all), and one
        # that was left out could not be told from one that is lost.
        asked = flags.samples_per_plugin.get("attnviz", 0)
        if asked != 0:
            logger.warning("--samples_per_plugin=attnviz=%s is not followed: all checkpoints are kept", asked)
        flags.samples_per_plugin["attnviz"] = 0

    def load(self, context: base_plugin.TBContext) -> base_plugin.TBPlugin | None:
        try:
            from tb_attnviz.plugin.plugin import AttnVizPlugin

            return AttnVizPlugin(context)
        except Exception:
            # An exception here would end TensorBoard for everybody else's tabs too.
            logger.exception("tb-attnviz could not be loaded; TensorBoard goes on without the Attention tab")
            return None

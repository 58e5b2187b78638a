"""`gtm completion`: the lines that teach a shell to complete gtm's commands, options and names.

Each asks gtm itself, in the way of typer's completion for fish, which takes the whole line as it is typed: words with
spaces and colons arrive as they are. What is completed comes back as one line each, with its help behind a tab. Where
nothing comes, the shell completes files.
"""

from enum import Enum
from typing import Annotated

import typer

from gtm.cli.commands import ASKED, LINE
from gtm.cli.console import print_lines

_ASK = f"{ASKED}=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args {LINE}"


class Shell(Enum):
    """The shells that are taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS = {
    # bash takes a colon for the end of a word, so what is before the last one stands there already
    Shell.BASH: f"""\
_gtm_completion() {{
    local line="${{COMP_LINE:0:COMP_POINT}}" found word before
    word="${{line##*[[:space:]]}}"
    before="${{word%"${{word##*:}}"}}"
    [[ $COMP_WORDBREAKS == *:* ]] || before=""
    COMPREPLY=()
    while IFS=$'\\t' read -r found _; do
        [[ -n $found ]] && COMPREPLY+=("${{found#"$before"}}")
    done < <({_ASK}="$line" "$1" 2>/dev/null)
}}
complete -o default -F _gtm_completion gtm""",
    Shell.ZSH: f"""\
#compdef gtm
_gtm() {{
    local -a found
    local name help
    while IFS=$'\\t' read -r name help; do
        [[ -n $name ]] && found+=("${{name//:/\\\\:}}${{help:+:$help}}")
    done < <({_ASK}="${{words[1,$CURRENT]}}" "${{words[1]}}" 2>/dev/null)
    if (( $#found )); then _describe gtm found; else _files; fi
}}
if [[ $funcstack[1] == _gtm ]]; then _gtm "$@"; else compdef _gtm gtm; fi""",
    Shell.FISH: f"""\
function __gtm_complete
    set -l found (env {_ASK}=(commandline -cp | string collect) gtm 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command gtm --no-files --arguments '(__gtm_complete)'""",
}


def completion(shell: Annotated[Shell, typer.Argument(help="The shell that is to complete.")]) -> None:
    """Print what a shell reads to complete commands, options, and the names of what the node here serves.

    bash: eval "$(gtm completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc, behind compinit. fish: gtm completion
    fish > ~/.config/fish/completions/gtm.fish
    """
    print_lines(_SCRIPTS[shell])

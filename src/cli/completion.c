/* Shell completion for bash, printed from the tables: source <(luy completion). */
#include "cli/cli.h"

int completion_print(struct run *r)
{
    (void)r;
    printf("_luy() {\n    local word=${COMP_WORDS[COMP_CWORD]}\n    local options=\"");
    for (size_t i = 0; i < 7; i++)
        printf("--%s ", option_table[i].name);
    printf("\"\n    if [ \"$COMP_CWORD\" = 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; i < ncommands; i++)
        printf("%s ", commands[i].name);
    printf("help\" -- \"$word\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < ncommands; i++) {
        if (commands[i].options[0] == NULL)
            continue;
        printf("    %s) options=\"$options", commands[i].name);
        for (const char *const *o = commands[i].options; *o; o++)
            printf(" --%s", *o);
        printf("\" ;;\n");
    }
    printf("    esac\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
           "    *)  case ${COMP_WORDS[1]} in import) COMPREPLY=($(compgen -f -- \"$word\")) ;; esac\n"
           "        if [ \"$COMP_CWORD\" = 2 ] || [ \"${COMP_WORDS[1]}\" = export ] || [ \"${COMP_WORDS[1]}\" = "
           "template ]; then\n"
           "            case ${COMP_WORDS[1]} in list|show|add|set|end|history|import|export|template|kinds)\n"
           "                COMPREPLY+=($(compgen -W \"$(luy kinds -o csv 2>/dev/null | tail -n +2 | cut -d, -f1)\" -- "
           "\"$word\")) ;;\n"
           "            esac\n        fi ;;\n    esac\n}\ncomplete -o default -F _luy luy\n");
    return EXIT_FINE;
}

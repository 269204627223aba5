/* Prints, when a program is built, what else is made of its rows: `describe man`, the list of
 * options of its manual page; `describe bash` and `describe zsh`, a completion for teardown-NAME.
 * Linked with the program's own objects, without its main. Not installed. */
#include <ctype.h>
#include <string.h>

#include "common/cli.h"

enum { MAN_COLUMNS = 78 };

typedef void printer(const struct cli_option *row);

static void for_each_row(printer *print) {
  for (unsigned i = 0; i < CLI_TABLES; i++) {
    const struct cli_table *table = cli_table(&program_cli, i);
    for (size_t row = 0; row < table->n; row++) print(&table->rows[row]);
  }
}

static bool may_be_repeated(const struct cli_option *row) {
  return row->kind == CLI_COUNTED || row->kind == CLI_TEXTS;
}

/* ---- manual page ---------------------------------------------------------------------------- */

/* A word of the text; roff would break a line at a hyphen, and its minus can be copied. */
static void print_roff(const char *word, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (word[i] == '-')
      fputs("\\-", stdout);
    else if (word[i] == '\\')
      fputs("\\e", stdout);
    else
      putchar(word[i]);
}

/* One sentence. */
static void print_sentence(const char *text) {
  size_t column = 0;
  for (const char *word = text; *word != '\0'; word += strspn(word, " ")) {
    size_t length = strcspn(word, " ");
    bool breaks = column > 0 && column + 1 + length > MAN_COLUMNS;
    if (column > 0) putchar(breaks ? '\n' : ' ');
    if (column == 0 || breaks) {
      column = 0;
      if (*word == '.' || *word == '\'') fputs("\\&", stdout); /* no request of roff's */
    }
    char first = word == text ? (char)toupper((unsigned char)*word) : *word;
    print_roff(&first, 1);
    print_roff(word + 1, length - 1);
    column += length + 1;
    word += length;
  }
  puts(".");
}

/* The comment at the end is where common/manual.awk puts what the page has to add. */
static void print_man(const struct cli_option *row) {
  printf(".It");
  if (row->letter != 0) printf(" Fl %c", row->letter);
  if (row->name != NULL) {
    printf("%s Fl \\-", row->letter != 0 ? " ," : "");
    print_roff(row->name, strlen(row->name));
  }
  if (row->argument != NULL) printf(" Ar %s", row->argument);
  putchar('\n');
  print_sentence(row->text);
  if (row->name != NULL)
    printf(".\\\" --%s\n", row->name);
  else
    printf(".\\\" -%c\n", row->letter);
}

/* ---- completion ----------------------------------------------------------------------------- */

static bool wants(const struct cli_option *row, const char *placeholder) {
  return row->argument != NULL && strcmp(row->argument, placeholder) == 0;
}

static bool wants_host(const struct cli_option *row) {
  return wants(row, "HOST") || wants(row, "ADDR");
}

/* The client's operands are a host and its port. */
static bool has_host_operand(void) { return strstr(program_cli.synopsis, "HOST") != NULL; }

static void print_words(const struct cli_option *row) {
  for (unsigned i = 0; row->word(i) != NULL; i++) printf("%s%s", i > 0 ? " " : "", row->word(i));
}

static void print_bash_option(const struct cli_option *row) {
  if (row->name != NULL)
    printf(" --%s", row->name);
  else
    printf(" -%c", row->letter);
}

/* What to offer after an option that takes an argument. */
static void print_bash_argument(const struct cli_option *row) {
  if (row->argument == NULL) return;
  printf("    ");
  if (row->letter != 0) printf("-%c%s", row->letter, row->name != NULL ? " | " : "");
  if (row->name != NULL) printf("--%s", row->name);
  printf(") ");
  if (row->kind == CLI_WORD) {
    printf("words='");
    print_words(row);
    puts("' ;;");
  } else if (wants(row, "FILE")) {
    puts("files=true ;;");
  } else if (wants(row, "IF")) {
    puts("words=\"any $(command ls /sys/class/net 2>/dev/null)\" ;;");
  } else if (wants_host(row)) {
    puts("words=$(compgen -A hostname) ;;");
  } else {
    puts("return ;;");
  }
}

static void print_bash(void) {
  const char *name = program_cli.name;
  printf("# bash completion for teardown-%s; made of its options\n", name);
  printf("_teardown_%s() {\n", name);
  puts("  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}");
  puts("  local words='' files=false");
  puts("  COMPREPLY=()");
  puts("  # --name=value is three words here");
  puts("  if [[ $current == '=' ]]; then");
  puts("    current=");
  puts("  elif [[ $before == '=' ]]; then");
  puts("    before=${COMP_WORDS[COMP_CWORD - 2]}");
  puts("  fi");
  puts("  case $before in");
  for_each_row(print_bash_argument);
  puts("    *)");
  puts("      if [[ $current == -* ]]; then");
  printf("        words='");
  for_each_row(print_bash_option);
  puts("'");
  if (has_host_operand()) {
    puts("      else");
    puts("        words=$(compgen -A hostname)");
  }
  puts("      fi");
  puts("      ;;");
  puts("  esac");
  puts("  if $files; then");
  puts("    compopt -o filenames 2>/dev/null");
  puts("    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")");
  puts("  else");
  puts("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")");
  puts("  fi");
  puts("}");
  printf("complete -F _teardown_%s teardown-%s\n", name, name);
}

/* Within '...[' and ']' of a specification of _arguments. */
static void print_zsh_text(const char *text) {
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '\'')
      fputs("'\\'", stdout);
    else if (*c == '[' || *c == ']' || *c == '\\' || *c == ':')
      putchar('\\');
    putchar(*c);
  }
}

static void print_zsh_argument(const struct cli_option *row) {
  if (row->argument == NULL) return;
  putchar(':');
  print_zsh_text(row->argument);
  putchar(':');
  if (row->kind == CLI_WORD) {
    putchar('(');
    print_words(row);
    putchar(')');
  } else if (wants(row, "FILE")) {
    printf("_files");
  } else if (wants(row, "IF")) {
    printf("_net_interfaces");
  } else if (wants_host(row)) {
    printf("_hosts");
  } else {
    putchar(' '); /* something, and nobody knows what */
  }
}

/* One specification for each spelling; neither is offered after the other. */
static void print_zsh_spelling(const struct cli_option *row, bool is_long) {
  printf("  '");
  if (may_be_repeated(row))
    putchar('*');
  else if (row->letter != 0 && row->name != NULL)
    printf("(-%c --%s)", row->letter, row->name);
  if (is_long)
    printf("--%s%s[", row->name, row->argument != NULL ? "=" : "");
  else
    printf("-%c%s[", row->letter, row->argument != NULL ? "+" : "");
  print_zsh_text(row->text);
  putchar(']');
  print_zsh_argument(row);
  puts("' \\");
}

static void print_zsh_row(const struct cli_option *row) {
  if (row->letter != 0) print_zsh_spelling(row, false);
  if (row->name != NULL) print_zsh_spelling(row, true);
}

static void print_zsh(void) {
  printf("#compdef teardown-%s\n", program_cli.name);
  puts("# made of its options");
  puts("_arguments -s -S \\");
  for_each_row(print_zsh_row);
  puts(has_host_operand() ? "  '1:HOST:_hosts' '2:PORT: '" : "  '*: : '");
}

int main(int argc, char **argv) {
  const char *what = argc == 2 ? argv[1] : "";
  if (strcmp(what, "man") == 0) {
    for_each_row(print_man);
  } else if (strcmp(what, "bash") == 0) {
    print_bash();
  } else if (strcmp(what, "zsh") == 0) {
    print_zsh();
  } else {
    cli_complain(&program_cli, "describe wants man, bash or zsh");
    return CLI_EXIT_USAGE;
  }
  return cli_finish(&program_cli);
}

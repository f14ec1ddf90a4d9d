// The one binary: roles, the operator's verbs and the user's.
#include "services/cli/parser.h"

int main(int argc, char** argv) { return cievents::cli::ParseAndRun(argc, argv); }

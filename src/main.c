/* lintel: arguments → configuration → worker; and the small commands that only read a
 * configuration. */

#include "gateway/commands.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}

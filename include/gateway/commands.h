#ifndef GATEWAY_COMMANDS_H
#define GATEWAY_COMMANDS_H

/* The command line:
 *   lintel --config F [--host H] [--port P] [--num_workers N] [--detailed_debug]   serves
 *   lintel check F         says what is wrong with a configuration; 1 when there is an error
 *   lintel credentials F   says where AWS credentials come from; 3 when nowhere
 *   lintel models F        the model names, one a line
 *   lintel keys …, lintel spend …   ask the running gateway (docs/cli.md)
 * Options may also come from the environment: CONFIG_FILE_PATH, HOST, PORT, NUM_WORKERS. */

int command_main(int argc, char **argv);

#endif

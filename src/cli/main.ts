/** The command line: `gearbox <command>`. Each command is a file of this folder; here is only the table. */
process.stderr.write('gearbox: no commands yet\n')
process.exitCode = 2

using System.Globalization;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

switch (args)
{
    case ["server", var folder]:
        EchoServer.Run(folder, isNew: false);
        break;
    case ["next-server", var folder]:
        EchoServer.Run(folder, isNew: true);
        break;
    case ["helper", var path, var user]:
        Helper.Run(path, uint.Parse(user, CultureInfo.InvariantCulture));
        break;
    default:
        Console.Error.WriteLine("""
            server FOLDER         an echo server; a line of standard input ends it, and it saves its connections to FOLDER
            next-server FOLDER    goes on with these connections
            helper PATH UID       a repair helper for that user's processes; SIGTERM ends it
            """);
        return 2;
}
return 0;

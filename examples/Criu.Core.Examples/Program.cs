// Criu.Core.Examples dump PID IMAGES | restore IMAGES | ask CRIU PID IMAGES | self CRIU IMAGES: the examples of docs/dotnet.md.
switch (args)
{
    case ["dump", var pid, var images]:
        InProcess.Dump(int.Parse(pid), images);
        return 0;
    case ["restore", var images]:
        InProcess.Restore(images);
        return 0;
    case ["ask", var criu, var pid, var images]:
        await Asking.Run(criu, int.Parse(pid), images, CancellationToken.None);
        return 0;
    case ["self", var criu, var images]:
        Prepared.Run(criu, images);
        return 0;
    case ["again", var criu, var images, .. var arguments]:
        Prepared.Restore(criu, images, arguments);
        return 0;
    default:
        Console.Error.WriteLine("Criu.Core.Examples dump PID IMAGES | restore IMAGES | ask CRIU PID IMAGES | self CRIU IMAGES | again CRIU IMAGES ARGUMENT...");
        return 2;
}

using Criu.Images;

namespace Criu.Cli.Commands;

/// <summary>Opens image directories.</summary>
internal static class ImageDirectories
{
    public static IImageStore Create(string path) => throw new NotImplementedException(path);

    public static IImageStore Open(string path) => throw new NotImplementedException(path);
}

namespace Criu.Images;

/// <summary>An image that cannot be what it claims: which file, where in it, and what is wrong.</summary>
public sealed class ImageFormatException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="file">Path of the image.</param>
    /// <param name="offset">Bytes from the start of the file to the entry or field that is wrong; negative where that is not known.</param>
    /// <param name="problem">What is wrong with it.</param>
    /// <param name="inner">The cause.</param>
    public ImageFormatException(string file, long offset, string problem, Exception? inner = null)
        : base(offset < 0 ? $"{file}: {problem}" : $"{file}: {problem} (at byte {offset})", inner) => (File, Offset) = (file, offset);

    /// <summary>Path of the image.</summary>
    public string File { get; }

    /// <summary>Bytes from the start of the file; negative where that is not known.</summary>
    public long Offset { get; }
}

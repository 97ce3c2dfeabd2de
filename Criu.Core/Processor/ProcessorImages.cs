using Criu.Core.Processor;
using Criu.Images;
using Criu.Images.Proto;
using Linux.Abi;

namespace Criu.Core;

/// <summary>The image that tells which processor a tree ran on (<c>criu cpuinfo</c>).</summary>
public static class ProcessorImages
{
    /// <summary>Writes what this processor can do. It appears with the commit of the images.</summary>
    /// <param name="images">Where to.</param>
    public static void Write(IImageStore images)
    {
        var entry = new CpuinfoEntry();
        entry.X86Entry.Add(ProcessorFeatures.Read());
        images.WriteSingle(ImageKind.Cpuinfo, 0, entry);
    }

    /// <summary>Throws where this processor lacks something of the one in the images.</summary>
    /// <param name="images">An image directory with cpuinfo.img.</param>
    /// <param name="parts">What must fit.</param>
    /// <exception cref="CheckpointException">It does not fit, or there is nothing to compare it with.</exception>
    public static void Demand(IImageStore images, ProcessorParts parts)
    {
        if (parts == ProcessorParts.None)
            return;
        using (var image = images.TryOpen(ImageCatalog.Of(ImageKind.Cpuinfo).FileName()))
            if (image == null)
                throw new CheckpointException($"{images.Location} has no cpuinfo.img to compare this processor with", "Dump with --cpu-cap, or write it with criu cpuinfo dump");
        var entry = images.ReadSingle<CpuinfoEntry>(ImageKind.Cpuinfo);
        if (entry.X86Entry.Count == 0)
            throw Unfit("it is of another architecture");
        var lacks = ProcessorFeatures.Lacks(entry.X86Entry[0], ProcessorFeatures.Read(), parts);
        if (lacks.Count > 0)
            throw Unfit($"this processor differs in {string.Join("; ", lacks)}");

        CheckpointException Unfit(string reason) => new($"The processor of {images.Location} does not fit: {reason}", "Restore on a machine like it, or leave the comparison out with --cpu-cap=none")
        {
            ErrorNumber = Errno.EOPNOTSUPP,
        };
    }
}

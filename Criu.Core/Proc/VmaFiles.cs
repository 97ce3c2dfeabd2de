namespace Criu.Core.Proc;

/// <summary>The mappings of a process, in ascending order.</summary>
internal static class VmaFiles
{
    /// <summary>With VmFlags. The kernel walks all page tables for it: read it once.</summary>
    /// <param name="process">/proc/PID, or a thread's directory.</param>
    /// <param name="text">Scratch.</param>
    /// <param name="vmas">Emptied first.</param>
    /// <returns>False where the process is gone.</returns>
    public static bool TryReadSmaps(ProcDirectory process, ProcText text, List<Vma> vmas) => TryRead(process, "smaps"u8, text, vmas, isSmaps: true);

    /// <summary>The cheaper one, without VmFlags.</summary>
    public static bool TryReadMaps(ProcDirectory process, ProcText text, List<Vma> vmas) => TryRead(process, "maps"u8, text, vmas, isSmaps: false);

    public static List<Vma> ParseSmaps(ProcText text) => Parse(text, isSmaps: true);

    public static List<Vma> ParseMaps(ProcText text) => Parse(text, isSmaps: false);

    private static bool TryRead(ProcDirectory process, ProcName name, ProcText text, List<Vma> vmas, bool isSmaps)
    {
        vmas.Clear();
        var parser = new VmaParser(vmas, isSmaps);
        if (!process.TryReadLines(name, text, parser))
            return false;
        parser.End(text);
        return true;
    }

    private static List<Vma> Parse(ProcText text, bool isSmaps)
    {
        var vmas = new List<Vma>();
        var parser = new VmaParser(vmas, isSmaps);
        parser.Take(text, text.Bytes);
        parser.End(text);
        return vmas;
    }
}

namespace System.Runtime;

/// <summary>
/// Names a method for the linker. The native compiler knows the attribute by its name; the framework keeps its own to itself. Unlike an entry point for others, such a
/// method is entered without the runtime, so it may be called before there is one, and must neither allocate nor block.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RuntimeExportAttribute(string entryPoint) : Attribute
{
    public string EntryPoint => entryPoint;
}

using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images;

/// <summary>
/// A directory of images. The commit, in this order, for a set is complete exactly if it has an inventory:
/// <list type="number">
/// <item>an older inventory goes, if there is a new one: what is there is no set any more;</item>
/// <item>every other image gets its name, in place of an older one; what was kept in memory is written;</item>
/// <item>the inventory gets its name, whole.</item>
/// </list>
/// If a step fails, the images of this set are removed again. Members can be used by several threads, but for Commit and Dispose.
/// </summary>
public sealed class ImageDirectory : IImageStore
{
    private const string ParentLink = "parent";

    // Small images stay in memory until the commit: that saves half of the system calls, and a descriptor each.
    private const int MaxSmallBytes = 64 << 10, MaxBufferedBytes = 8 << 20;

    private readonly OpenDirectory directory;
    private readonly OrderedDictionary<string, PendingImage> pending = [];
    private readonly bool isWritable, sync;
    private int bufferedBytes;
    private bool hasNewParent;

    private static string InventoryName => ImageCatalog.Of(ImageKind.Inventory).FileName();

    private ImageDirectory(OpenDirectory directory, bool isWritable, bool sync) => (this.directory, this.isWritable, this.sync) = (directory, isWritable, sync);

    /// <inheritdoc/>
    public string Location => directory.Location;

    /// <summary>Opens a directory to create images in it, and to read.</summary>
    /// <param name="path">An existing directory in which the caller may create files.</param>
    /// <param name="sync">Make images durable before the inventory appears, so that they outlive a power failure.</param>
    /// <exception cref="ImageStoreException">There is none, it is none, or it is not writable.</exception>
    public static ImageDirectory Create(string path, bool sync = false) => Create(path, sync, hasUnnamedFiles: true);

    /// <summary>The same, on a file system that has no unnamed files, or as if it had none.</summary>
    internal static ImageDirectory Create(string path, bool sync, bool hasUnnamedFiles)
    {
        OpenDirectory directory = OpenDirectory.Open(path, hasUnnamedFiles);
        try
        {
            directory.DemandWritable();
            return new ImageDirectory(directory, isWritable: true, sync);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Opens a directory to read its images.</summary>
    /// <param name="path">An existing directory.</param>
    /// <exception cref="ImageStoreException">There is none, it is none, or it is not readable.</exception>
    public static ImageDirectory Open(string path) => new(OpenDirectory.Open(path), isWritable: false, sync: false);

    /// <inheritdoc/>
    public SafeFileHandle? TryOpen(string name) => directory.TryOpenFile(Checked(name));

    /// <inheritdoc/>
    public SafeFileHandle Create(string name) => CreateAside(name).Duplicate();

    /// <inheritdoc/>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        if (TryBuffer(name, content))
            return;
        CreateAside(name).Write(content);
    }

    /// <inheritdoc/>
    public IImageStore? OpenParent() => directory.TryFollow(ParentLink) is OpenDirectory parent ? new ImageDirectory(parent, isWritable: false, sync: false) : null;

    /// <summary>Sets the link <c>parent</c> to the images of an earlier dump, at once: pages that did not change will be looked up there.</summary>
    /// <param name="target">Path of their directory, relative to this one, or absolute.</param>
    public void LinkParent(string target)
    {
        DemandWritable();
        directory.Remove(ParentLink);
        directory.Demand(FileCalls.Symlink(target, directory.Handle, ParentLink), "create the link", ParentLink);
        hasNewParent = true;
    }

    /// <inheritdoc/>
    /// <exception cref="ImageStoreException">The disk is full, say. Nothing of the set is left.</exception>
    public void Commit(Action? confirm = null)
    {
        DemandWritable();
        try
        {
            PlaceAll();
            confirm?.Invoke();
        }
        catch
        {
            Withdraw();
            throw;
        }
        pending.Clear();
        (bufferedBytes, hasNewParent) = (0, false);
    }

    /// <summary>Closes the directory. What was not committed leaves nothing behind.</summary>
    public void Dispose()
    {
        if (directory.Handle.IsClosed)
            return;
        Withdraw();
        directory.Dispose();
    }

    private void PlaceAll()
    {
        pending.TryGetValue(InventoryName, out PendingImage? inventory);
        if (inventory is not null)
            RemoveOldSet();
        foreach (PendingImage image in pending.Values)
            if (image != inventory)
                image.Place(sync);
        if (sync)
            directory.SyncNames();
        if (inventory is not null)
            PlaceInventory(inventory);
    }

    /// <summary>
    /// An older dump of this directory is over. Its images of which there is one each would be taken for parts of the new one where that has none (memfds, say); those with
    /// numbers are found only by somebody who refers to them. What others than a dump write stays.
    /// </summary>
    private void RemoveOldSet()
    {
        directory.Remove(InventoryName);
        foreach (ImageFormat format in ImageCatalog.All)
            if (!format.HasNumber && format.Kind is not (ImageKind.Cpuinfo or ImageKind.IrmapCache or ImageKind.Stats) && !pending.ContainsKey(format.FileName()))
                directory.Remove(format.FileName());
        if (sync)
            directory.SyncNames();
    }

    private void PlaceInventory(PendingImage inventory)
    {
        inventory.MoveAside();
        inventory.Place(sync);
        if (sync)
            directory.SyncNames();
    }

    // The inventory first, should it be there already: it must not outlive what it claims to be complete.
    private void Withdraw()
    {
        if (pending.Remove(InventoryName, out PendingImage? inventory))
            inventory.Withdraw();
        foreach (PendingImage image in pending.Values)
            image.Withdraw();
        pending.Clear();
        if (hasNewParent)
            FileCalls.Unlink(directory.Handle, ParentLink);
        (bufferedBytes, hasNewParent) = (0, false);
    }

    private bool TryBuffer(string name, ReadOnlySpan<byte> content)
    {
        lock (pending)
        {
            DemandNew(name);
            if (content.Length > MaxSmallBytes || content.Length > MaxBufferedBytes - bufferedBytes)
                return false;
            bufferedBytes += content.Length;
            pending.Add(name, new PendingImage(directory, name, content.ToArray()));
            return true;
        }
    }

    private PendingImage CreateAside(string name)
    {
        lock (pending)
        {
            DemandNew(name);
            var image = new PendingImage(directory, name);
            pending.Add(name, image);
            return image;
        }
    }

    private void DemandNew(string name)
    {
        DemandWritable();
        if (pending.ContainsKey(Checked(name)))
            throw new InvalidOperationException($"{directory.PathOf(name)} is created twice");
    }

    private void DemandWritable()
    {
        ObjectDisposedException.ThrowIf(directory.Handle.IsClosed, this);
        if (!isWritable)
            throw new InvalidOperationException($"{Location} was opened for reading");
    }

    private static string Checked(string name) =>
        name.Length > 0 && !name.Contains('/') && name is not "." and not ".." ? name : throw new ArgumentException($"'{name}' is no file name");
}

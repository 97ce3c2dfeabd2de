namespace Criu.Native;

/// <summary>What the server says: the fields of criu_resp that libcriu looks at.</summary>
internal unsafe struct Answer
{
    public int Type, ErrorNumber, RestoredPid;
    public bool HasSucceeded, WasRestored, HasVersion, HasGitId;
    public int Major, Minor, Sublevel;
    public CriuFeatures Features;

    /// <summary>Of a notification. The script is a copy, which whoever reads the answer frees.</summary>
    public NotifyArgument Notification;

    /// <summary>False where it is no such message, or there is no memory.</summary>
    public bool TryRead(ReadOnlySpan<byte> message)
    {
        bool hasType = false, isWhole = true;
        var reader = new WireReader(message);
        while (reader.TryRead(out var field))
        {
            hasType |= field.Number == ResponseField.Type;
            isWhole &= TryTake(field);
        }
        return hasType && isWhole && !reader.IsDamaged;
    }

    private bool TryTake(scoped in WireField field)
    {
        switch (field.Number)
        {
            case ResponseField.Type:
                Type = (int)field.Value;
                return true;
            case ResponseField.Success:
                HasSucceeded = field.Value != 0;
                return true;
            case ResponseField.ErrorNumber:
                ErrorNumber = (int)field.Value;
                return true;
            case ResponseField.Dump or ResponseField.Restore or ResponseField.Notify or ResponseField.Features or ResponseField.Version:
                return TryTakeMessage(field.Number, new WireReader(field.Content));
            default:
                return true;                         // a text for people, or something of another version
        }
    }

    private bool TryTakeMessage(int number, WireReader reader)
    {
        bool isWhole = true;
        while (reader.TryRead(out var field))
            isWhole &= TryTake(number, field);
        return isWhole && !reader.IsDamaged;
    }

    private bool TryTake(int message, scoped in WireField field)
    {
        switch (message, field.Number)
        {
            case (ResponseField.Dump, ResponseField.DumpRestored):
                WasRestored = field.Value != 0;
                break;
            case (ResponseField.Restore, ResponseField.RestorePid):
                RestoredPid = (int)field.Value;
                break;
            case (ResponseField.Notify, ResponseField.NotifyScript):
                Libc.Free(Notification.Script);
                return (Notification.Script = Libc.Copy(field.Content)) != null;
            case (ResponseField.Notify, ResponseField.NotifyPid):
                (Notification.HasPid, Notification.Pid) = (1, (int)field.Value);
                break;
            case (ResponseField.Features, >= 1 and <= CriuFeatures.Count):
                Features[field.Number] = field.Value != 0;
                break;
            case (ResponseField.Version, _):
                TakeVersion(field);
                break;
        }
        return true;
    }

    private void TakeVersion(scoped in WireField field)
    {
        HasVersion = true;
        switch (field.Number)
        {
            case ResponseField.Major:
                Major = (int)field.Value;
                break;
            case ResponseField.Minor:
                Minor = (int)field.Value;
                break;
            case ResponseField.GitId:
                HasGitId = true;
                break;
            case ResponseField.Sublevel:
                Sublevel = (int)field.Value;
                break;
        }
    }
}
